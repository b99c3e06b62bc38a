//! Dialling with a resolver that lies.
