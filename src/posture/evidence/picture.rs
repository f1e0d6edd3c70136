//! A picture as evidence. What it shows is for people to see: here it is told to be a whole picture, and what it is said
//! to show is taken down. The picture itself is not kept.

use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Shows;
use crate::posture::evidence::read::Reading;
use crate::posture::evidence::refused::Refused;

/// A form of pictures: how it begins, and what stands in its last bytes.
pub struct Picture {
    name: &'static str,
    begins: &'static [u8],
    ends: &'static [u8],
}

/// How far from its end a picture's last mark may stand: some programs add a line or a comment.
const TAIL: usize = 1_024;

const PICTURES: [Picture; 5] = [
    Picture { name: "PNG", begins: b"\x89PNG\r\n\x1a\n", ends: b"IEND\xaeB`\x82" },
    Picture { name: "JPEG", begins: b"\xff\xd8\xff", ends: b"\xff\xd9" },
    Picture { name: "GIF", begins: b"GIF8", ends: b"\x3b" },
    Picture { name: "PDF", begins: b"%PDF-", ends: b"%%EOF" },
    Picture { name: "WebP", begins: b"RIFF", ends: b"" },
];

/// Which form of picture a file begins as.
pub fn form(bytes: &[u8]) -> Option<&'static Picture> {
    PICTURES.iter().find(|picture| bytes.starts_with(picture.begins))
}

/// Takes down what a picture is said to show.
pub(super) fn read(bytes: &[u8], shows: Option<Shows>) -> Result<Reading, Refused> {
    let Some(picture) = form(bytes) else {
        return Err(Refused::File("the file is no picture".to_owned()));
    };
    if !is_whole(picture, bytes) {
        let why = format!("the {} breaks off before its end: save it again", picture.name);
        return Err(Refused::File(why));
    }
    let Some(shows) = shows else {
        let why = "nothing says what the picture shows: `enforced` or `not-enforced`";
        return Err(Refused::File(why.to_owned()));
    };
    Ok(Reading { content: Content::Policy(shows), ignored: Vec::new() })
}

fn is_whole(picture: &Picture, bytes: &[u8]) -> bool {
    if picture.name == "WebP" {
        // RIFF says how long it is, after its own eight bytes.
        let length = bytes.get(4..8).and_then(|four| <[u8; 4]>::try_from(four).ok());
        let length = length.map_or(0, |four| u64::from(u32::from_le_bytes(four)));
        let named = bytes.get(8..12) == Some(b"WEBP");
        return named && length.saturating_add(8) <= bytes.len() as u64;
    }
    let tail = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or(bytes);
    tail.windows(picture.ends.len()).any(|window| window == picture.ends)
}
