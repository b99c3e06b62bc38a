//! Part files as a crash leaves them.
