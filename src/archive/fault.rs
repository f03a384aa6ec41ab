//! What is wrong with an archive, as facts that findings are made of.

use std::collections::BTreeMap;

/// How many faults of one kind are kept for one file. Whoever wrote the file
/// decides how many there are; the report is ours.
pub const FAULTS_A_KIND: u64 = 20;

/// What is wrong with an archive, whatever it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// It cannot be read as the archive its name says.
    Unreadable,
    /// It holds or unpacks to more than the limits allow.
    OverLimit,
    /// It has bytes that belong to no member and that readers do not show.
    HiddenData,
    /// The contents of a member cannot be read, or are not what the headers say.
    MemberDamaged,
    /// A member is encrypted.
    MemberEncrypted,
    /// A member is compressed in a way that is not read here.
    CompressionUnsupported,
    /// The name of a member leads out, or can be read in two ways.
    MemberUnsafe,
    /// A member is a link or a device where only files and directories belong.
    MemberSpecial,
    /// A name stands for two members.
    MemberRepeated,
    /// Two names are one on file systems that ignore case or the form of accents.
    MemberTwin,
    /// A symbolic link leads out.
    LinkEscapes,
    /// The two headers of a member, or the end records, say different things.
    ZipHeaderMismatch,
    /// Members share bytes of the archive.
    ZipOverlap,
    /// A ZIP64 field is written as programs with a known fault write it.
    Zip64WriterFault,
    /// An extra field of a ZIP header runs past its end.
    ExtraFieldCut,
    /// Bytes behind the extra fields of a ZIP header that are no field.
    ExtraFieldRemainder,
    /// An extra field stands twice in a ZIP header.
    ExtraFieldRepeated,
    /// A ZIP64 field holds more than its header refers to.
    Zip64Unneeded,
    /// A ZIP header asks for what no installer has.
    FeatureUnsupported,
    /// A ZIP header has flags that no installer looks at.
    FlagsUnread,
    /// A comment holds what a record of a ZIP archive begins with.
    CommentRecord,
    /// Something in a header that readers of tar disagree about.
    TarHeaderAmbiguous,
}

/// One fact: what, at which member, and the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<K> {
    /// What is wrong.
    pub kind: K,
    /// The member, as its name is shown; `None` for the file as a whole.
    pub member: Option<String>,
    /// What would be right.
    pub expected: Option<String>,
    /// What was seen.
    pub found: Option<String>,
}

impl<K> Fault<K> {
    /// Returns a fault of the file as a whole.
    pub fn new(kind: K) -> Self {
        Self {
            kind,
            member: None,
            expected: None,
            found: None,
        }
    }

    /// Returns this fault narrowed to a member.
    #[must_use]
    pub fn member(mut self, member: impl ToString) -> Self {
        self.member = Some(shorten(member.to_string()));
        self
    }

    /// Returns this fault with what would be right.
    #[must_use]
    pub fn expected(mut self, expected: impl ToString) -> Self {
        self.expected = Some(shorten(expected.to_string()));
        self
    }

    /// Returns this fault with what was seen.
    #[must_use]
    pub fn found(mut self, found: impl ToString) -> Self {
        self.found = Some(shorten(found.to_string()));
        self
    }
}

/// How many bytes of a text from the input are kept. File systems allow names of
/// 255 bytes and paths of 4096.
const TEXT_BYTES: usize = 4096;

/// Cuts a text that only somebody who means harm would write so long.
fn shorten(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let length = text.len();
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push_str(&format!("… ({length} bytes)"));
    }
    text
}

/// Faults of one file, at most [`FAULTS_A_KIND`] of each kind.
#[derive(Debug)]
pub struct Faults<K> {
    kept: Vec<Fault<K>>,
    counts: BTreeMap<K, u64>,
}

impl<K> Default for Faults<K> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }
}

impl<K: Copy + Ord> Faults<K> {
    /// Returns whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps a fault, or only counts it when there are enough of its kind.
    pub fn push(&mut self, fault: Fault<K>) {
        let count = self.counts.entry(fault.kind).or_default();
        *count = count.saturating_add(1);
        if *count <= FAULTS_A_KIND {
            self.kept.push(fault);
        }
    }

    /// Keeps each fault as [`Faults::push`] does.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault<K>>) {
        for fault in faults {
            self.push(fault);
        }
    }

    /// Adds what another list holds, with kinds of a wider sort.
    pub fn absorb<L: Copy + Ord + Into<K>>(&mut self, other: Faults<L>) {
        for (kind, count) in other.counts {
            let known = self.counts.entry(kind.into()).or_default();
            *known = known.saturating_add(count);
        }
        self.kept.extend(other.kept.into_iter().map(|fault| Fault {
            kind: fault.kind.into(),
            member: fault.member,
            expected: fault.expected,
            found: fault.found,
        }));
    }

    /// Returns the faults in the order they were found, and one more for each
    /// kind of which some were only counted.
    pub fn finish(self) -> Vec<Fault<K>> {
        let mut kept: BTreeMap<K, u64> = BTreeMap::new();
        for fault in &self.kept {
            *kept.entry(fault.kind).or_default() += 1;
        }
        let mut faults = self.kept;
        for (kind, count) in self.counts {
            let more = count.saturating_sub(kept.get(&kind).copied().unwrap_or(0));
            if more > 0 {
                faults.push(Fault::new(kind).found(format!("{more} more of this kind")));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_counted_and_told_once_for_each_kind() {
        let mut faults = Faults::default();
        for number in 0..25 {
            faults.push(Fault::new(FaultKind::MemberUnsafe).member(number));
        }
        faults.push(Fault::new(FaultKind::ZipOverlap));
        let faults = faults.finish();
        assert_eq!(faults.len(), 22);
        assert_eq!(faults[19].member.as_deref(), Some("19"));
        assert_eq!(faults[20].kind, FaultKind::ZipOverlap);
        assert_eq!(faults[21].found.as_deref(), Some("5 more of this kind"));
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let fault = Fault::new(FaultKind::MemberUnsafe).found("é".repeat(5000));
        let found = fault.found.expect("kept");
        assert_eq!(found.len(), 4096 + "… (10000 bytes)".len());
    }

    #[test]
    fn absorbed_faults_are_counted_too() {
        let mut inner = Faults::default();
        for _ in 0..30 {
            inner.push(Fault::new(FaultKind::MemberTwin));
        }
        let mut faults: Faults<FaultKind> = Faults::default();
        faults.absorb(inner);
        faults.push(Fault::new(FaultKind::MemberTwin));
        let faults = faults.finish();
        assert_eq!(faults.len(), 21);
        assert_eq!(faults[20].found.as_deref(), Some("11 more of this kind"));
    }
}
