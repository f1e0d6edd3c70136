//! The one style sheet, the one image and the one script, as part of the program. Their addresses carry a tag of their bytes, so that a
//! browser may keep them for ever and still sees a new version at once.

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The last segment of its path.
    pub file: &'static str,
    /// Its content type.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// FNV-1a of its bytes: tells versions apart, proves nothing.
    pub tag: u64,
}

/// How every page looks.
pub static STYLE: Asset =
    Asset::new("portcullis.css", "text/css; charset=utf-8", include_bytes!("portcullis.css"));

/// The mark, for tabs and bookmarks.
pub static MARK: Asset =
    Asset::new("portcullis.svg", "image/svg+xml", include_bytes!("portcullis.svg"));

/// Every file there is.
pub const FILES: &[&str] = &["portcullis.css", "portcullis.svg", "live.js"];

/// Tells of new decisions. Every page is whole without it.
pub static LIVE: Asset =
    Asset::new("live.js", "text/javascript; charset=utf-8", include_bytes!("live.js"));

impl Asset {
    const fn new(file: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self { file, kind, bytes, tag: fnv(bytes) }
    }

    /// The asset of this file name.
    pub fn find(file: &str) -> Option<&'static Self> {
        [&STYLE, &MARK, &LIVE].into_iter().find(|asset| asset.file == file)
    }

    /// The tag as it stands in addresses.
    pub fn version(&self) -> String {
        format!("{:016x}", self.tag)
    }

    /// Where pages load it from.
    pub fn address(&self) -> String {
        format!("/assets/{}?v={:016x}", self.file, self.tag)
    }
}

const fn fnv(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let Some((first, rest)) = bytes.split_first() {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}
