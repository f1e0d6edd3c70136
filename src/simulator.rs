//! (room: simulator)
