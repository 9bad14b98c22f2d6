//! Assembly: wiring, start, readiness and drain of every process.
