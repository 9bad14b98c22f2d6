//! The attribute that writes one repository for two databases.
