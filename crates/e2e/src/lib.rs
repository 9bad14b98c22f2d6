//! Black box: spawns the real binaries and speaks only HTTP to them.
