//! Golden files: texts byte for byte, in `tests/golden/`.

/// Compares a text with the file of that name; `INSTA_UPDATE=always` writes it.
pub(crate) fn check(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}
