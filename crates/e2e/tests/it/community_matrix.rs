//! The acceptance list of the community contract, as far as it is about who may call what, under
//! which name, in which shape. The numbers of the tests are those of the list.

mod access;
mod aliases;
mod shapes;
