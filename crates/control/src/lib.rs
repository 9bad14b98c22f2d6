//! Every change and query of the control plane, one use case a file.
