mod auth;
mod beacons;
mod clips;
mod idempotency;
mod operations;
mod ops;
mod pages;
mod source;
