//! Repositories over SQLite and PostgreSQL, from one body of SQL.
