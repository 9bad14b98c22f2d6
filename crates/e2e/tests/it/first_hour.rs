//! What somebody who knows the field tries in the first hour. The numbers of the tests are those of
//! the list of such things; rows 5, 18 and most of 19 are in `resilience`, the twenty turns of row 15 in
//! `agent_session`, and the vendors' own clients in `sdk`.

mod embeddings;
mod errors;
mod identity;
mod messages;
mod parts;
mod patience;
mod responses;
mod streams;
mod structured;
mod tools;
