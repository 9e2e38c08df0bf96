mod auth;
mod beacons;
mod clips;
mod operations;
mod pages;
mod source;
