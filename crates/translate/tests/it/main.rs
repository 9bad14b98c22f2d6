//! Requests, answers and streams from one format into the other.

mod cohere;
mod gemini;
mod messages;
mod support;
