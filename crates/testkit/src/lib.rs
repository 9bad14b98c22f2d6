//! Throwaway PostgreSQL and Redis, and a scripted upstream, for tests only.
