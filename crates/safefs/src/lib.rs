//! Files by open descriptor only: nothing outside a root is touched, whoever races.

