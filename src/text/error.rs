//! Why text files and text tracks are refused.

/// A text file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The file is larger than [`super::MAX_SIZE`].
    #[error("text: the file is larger than 16 MiB")]
    TooLarge,
    /// The characters are not coded as UTF-8 or UTF-16 with byte order mark.
    #[error("text: the encoding is {0}; UTF-8, and UTF-16 with byte order mark, are read")]
    Encoding(String),
    /// The file starts neither like WebVTT, nor like XML, nor like SubRip.
    #[error("text: the file does not start with WEBVTT, nor with the times of SubRip")]
    NotWebVtt,
    /// The cues of the file are names of images.
    #[error("text: the cues name images; thumbnails are read from image tracks")]
    NamesImages,
    /// The document is no well-formed XML, or stretches it.
    #[error("text: {0}")]
    Xml(#[from] crate::xml::XmlError),
    /// The XML is something else.
    #[error("text: the document is no TTML")]
    NotTtml,
    /// The times of the document cannot be understood.
    #[error("text: {0}")]
    Timing(String),
    /// A text track of a media file has more samples than are read.
    #[error("text: the track has more than 200,000 samples")]
    TooManySamples,
    /// A segment would be larger than [`super::MAX_SIZE`].
    #[error("text: a segment would be larger than 16 MiB")]
    SegmentTooLarge,
    /// All segments in one file would be too many or too large.
    #[error("text: one file of all segments would be larger than 32 MiB")]
    FileTooLarge,
}
