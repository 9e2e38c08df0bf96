//! How many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Everybody who is connected.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    /// 0 for as many as there are in all.
    most_each: usize,
    open: AtomicUsize,
    each: Mutex<HashMap<IpAddr, usize>>,
}

/// Why nobody else may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    Everywhere,
    /// There are as many from this address as there may be.
    Address,
}

/// The place of one connection, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    connections: Connections,
    address: Option<IpAddr>,
}

impl Connections {
    /// So many in all, and so many from one address.
    pub fn new(most: usize, most_each: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            most_each,
            open: AtomicUsize::new(0),
            each: Mutex::default(),
        }))
    }

    /// A place for one more. Without an address, it counts to no address.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let address = address.filter(|_| self.0.most_each > 0);
        let entered = self.0.count_in(address);
        match entered {
            Ok(()) => {
                metrics::gauge!("clipper_http_connections").increment(1.0);
                Ok(Place {
                    connections: self.clone(),
                    address,
                })
            }
            Err(full) => {
                let reason = match full {
                    Full::Everywhere => "total",
                    Full::Address => "address",
                };
                metrics::counter!("clipper_http_connections_refused_total", "reason" => reason).increment(1);
                Err(full)
            }
        }
    }
}

impl Inner {
    fn count_in(&self, address: Option<IpAddr>) -> Result<(), Full> {
        if self.open.fetch_add(1, Ordering::AcqRel) >= self.most {
            self.open.fetch_sub(1, Ordering::AcqRel);
            return Err(Full::Everywhere);
        }
        let Some(address) = address else { return Ok(()) };
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let open = each.entry(address).or_default();
        if *open >= self.most_each {
            self.open.fetch_sub(1, Ordering::AcqRel);
            return Err(Full::Address);
        }
        *open += 1;
        Ok(())
    }

    fn count_out(&self, address: Option<IpAddr>) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        let Some(address) = address else { return };
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = each.get_mut(&address) {
            *open -= 1;
            if *open == 0 {
                each.remove(&address);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.0.count_out(self.address);
        metrics::gauge!("clipper_http_connections").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_all_and_by_address_and_are_free_again() {
        let connections = Connections::new(3, 2);
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let first = connections.enter(address(1)).unwrap();
        let _second = connections.enter(address(1)).unwrap();
        assert_eq!(connections.enter(address(1)).unwrap_err(), Full::Address);
        let _proxy = connections.enter(None).unwrap();
        assert_eq!(connections.enter(address(2)).unwrap_err(), Full::Everywhere);
        drop(first);
        let again = connections.enter(address(1)).unwrap();
        drop(again);
        drop(connections.enter(address(2)).unwrap());
        let each = connections.0.each.lock().unwrap();
        assert_eq!(each.len(), 1, "nobody is remembered who has left");
    }
}
