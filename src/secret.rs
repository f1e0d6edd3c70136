//! What nobody may print.
use std::fmt;
/// A secret: no `Display`, and `Debug` shows nothing.
pub struct Secret<T>(T);
impl<T> Secret<T> {
    /// Wraps.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The secret itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}
impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
