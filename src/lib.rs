//! kubectl-freshimage
