//! When elements are shown: times add up along the tree, beside each other or one after the other
//! (TTML 1 sections 10.2 and 10.4).

use roxmltree::Node;

use super::clock::Clock;

/// Whether the children of an element follow one another.
pub(super) fn is_sequence(node: Node<'_, '_>) -> bool {
    node.attribute("timeContainer") == Some("seq")
}

/// Whether an element has times of its own.
pub(super) fn is_timed(node: Node<'_, '_>) -> bool {
    ["begin", "end", "dur"].iter().any(|name| node.has_attribute(*name))
}

/// When an element is active, in wire ticks of the document.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Interval {
    pub(super) begin: i64,
    /// The end that its own attributes say.
    own: Option<i64>,
    /// The end after which it is not shown, by what is around it too; `None` when nothing is said.
    pub(super) end: Option<i64>,
}

impl Interval {
    /// Reads the times of an element, which count from `from`, inside one that is over at `limit`.
    ///
    /// # Errors
    /// Why they cannot be read, for people.
    pub(super) fn of(
        node: Node<'_, '_>,
        clock: &Clock,
        from: i64,
        limit: Option<i64>,
    ) -> Result<Self, String> {
        let time = |name| {
            let read = |text: &str| {
                let shown = || text.chars().take(40).collect::<String>();
                clock.read(text).ok_or_else(|| format!("its {name} cannot be read: {:?}", shown()))
            };
            node.attribute(name).map(read).transpose()
        };
        let begin = from.saturating_add(time("begin")?.unwrap_or(0));
        let end = time("end")?.map(|end| from.saturating_add(end));
        let duration = time("dur")?.map(|duration| begin.saturating_add(duration));
        let own = end.into_iter().chain(duration).min();
        Ok(Self { begin, own, end: own.into_iter().chain(limit).min() })
    }

    /// When the element is over, if what is inside it is over at `inside`; `None` is never.
    pub(super) fn over(&self, inside: Option<i64>) -> Option<i64> {
        let over = self.own.or(inside).into_iter().chain(self.end).min();
        over.map(|over| over.max(self.begin))
    }
}

/// Goes through the children of an element.
#[derive(Debug)]
pub(super) struct Children {
    sequential: bool,
    /// From when on the times of the next child count; `None` when it never gets its turn.
    pub(super) from: Option<i64>,
    /// When all so far are over; `None` is never.
    pub(super) over: Option<i64>,
}

impl Children {
    pub(super) fn of(node: Node<'_, '_>, begin: i64) -> Self {
        Self { sequential: is_sequence(node), from: Some(begin), over: Some(begin) }
    }

    /// Passes a child that is over at a time; `None` is never.
    pub(super) fn pass(&mut self, over: Option<i64>) {
        self.over = self.over.zip(over).map(|(all, this)| all.max(this));
        if self.sequential {
            self.from = over;
        }
    }

    /// Passes text that stands in the element itself: it lasts as long as it is let, but in a
    /// sequence no time at all.
    pub(super) fn pass_text(&mut self) {
        self.pass(self.from.filter(|_| self.sequential));
    }
}
