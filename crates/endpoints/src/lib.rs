//! AI endpoints: named calls with a fixed prompt and provider.
