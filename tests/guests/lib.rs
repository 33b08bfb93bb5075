//! Nothing: the guests are this package's examples, because a package can have many of those.
