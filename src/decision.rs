//! (room: decision)
