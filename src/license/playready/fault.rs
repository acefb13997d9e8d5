//! Refusals as SOAP faults (playready.md section 9).

use super::error::StatusCode;
use super::soap::{envelope, escaped};

/// The fault for a reason code with a sentence. dash.js shows its users the status code, the string
/// and what stands in brackets.
pub fn fault(StatusCode(code): StatusCode, reason: &str, sentence: &str) -> String {
    let (reason, sentence) = (escaped(reason), escaped(sentence));
    envelope(&format!(
        "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{sentence}</faultstring>\
         <faultactor></faultactor><detail><Exception><StatusCode>0x{code:08X}</StatusCode>\
         <Message>[{reason}] {sentence}</Message><CustomData>{reason}</CustomData></Exception>\
         </detail></soap:Fault>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_the_members_that_players_show() {
        let text = fault(StatusCode::MALFORMED, "some-reason", "A\0 <b> &\u{ffff} c.");
        let document = crate::xml::parse(&text).unwrap();
        let texts = |name: &str| {
            let node = document.descendants().find(|node| node.tag_name().name() == name);
            node.unwrap().text().unwrap().to_owned()
        };
        assert_eq!(texts("faultcode"), "soap:Server");
        assert_eq!(texts("faultstring"), "A <b> & c.");
        assert_eq!(texts("StatusCode"), "0x8004C601");
        assert_eq!(texts("Message"), "[some-reason] A <b> & c.");
    }
}
