//! Requests, answers and streams from one format into the other.

mod able;
mod answers;
mod clients;
mod cohere;
mod corpora;
mod gemini;
mod golden;
mod messages;
mod openai;
mod requests;
mod round_trips;
mod said;
mod streams;
mod support;
mod vendor_rules;
mod vendors;
