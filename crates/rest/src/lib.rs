//! The JSON API of the control plane and its OpenAPI document.
