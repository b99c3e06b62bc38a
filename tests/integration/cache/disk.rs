//! K1, K2, K5, K7: disks that are full, that fail, that go.
