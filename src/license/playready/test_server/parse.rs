//! Groups in brackets inside each other.

/// Groups inside each other; the grammar has two levels.
const MAX_DEPTH: usize = 3;

/// A member of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// What stands in front of the colon, if there is one.
    pub(super) name: Option<&'a str>,
    pub(super) value: Value<'a>,
}

/// What a member says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Group(Vec<Item<'a>>),
}

impl<'a> Item<'a> {
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            Value::Text(text) => Some(text),
            Value::Group(_) => None,
        }
    }
}

/// The groups of a text that holds nothing else.
pub(super) fn groups(mut text: &str) -> Option<Vec<Vec<Item<'_>>>> {
    let mut groups = Vec::new();
    while !text.is_empty() {
        let (group, rest) = group(text, 0)?;
        groups.push(group);
        text = rest;
    }
    Some(groups)
}

/// The group in front of a text, and what is behind it.
fn group(text: &str, depth: usize) -> Option<(Vec<Item<'_>>, &str)> {
    let mut rest = text.strip_prefix('(').filter(|_| depth < MAX_DEPTH)?;
    let mut items = Vec::new();
    loop {
        let (item, behind) = item(rest, depth)?;
        items.push(item);
        if let Some(behind) = behind.strip_prefix(')') {
            return Some((items, behind));
        }
        rest = behind.strip_prefix(',')?;
    }
}

fn item(text: &str, depth: usize) -> Option<(Item<'_>, &str)> {
    let (word, rest) = text.split_at(text.find([':', ',', '(', ')'])?);
    let Some(value) = rest.strip_prefix(':') else {
        return Some((Item { name: None, value: Value::Text(word) }, rest));
    };
    let name = Some(word);
    if value.starts_with('(') {
        let (items, rest) = group(value, depth + 1)?;
        return Some((Item { name, value: Value::Group(items) }, rest));
    }
    let (text, rest) = value.split_at(value.find([',', '(', ')'])?);
    Some((Item { name, value: Value::Text(text) }, rest))
}
