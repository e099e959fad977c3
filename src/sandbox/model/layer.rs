//! The layers between a replica's storage and its device, and the stacks that LINSTOR allows. DRBD is simulated; the
//! others are named and shown, and pass everything through.

use super::fault::{Fault, code};
use serde::{Deserialize, Serialize};

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    /// Replication.
    Drbd,
    /// Encryption, in name only.
    Luks,
    /// Access over a fabric, in name only.
    Nvme,
    /// A write cache, in name only.
    WriteCache,
    /// A read cache, in name only.
    Cache,
    /// The storage itself.
    Storage,
}

const ALL: [Layer; 6] = [Layer::Drbd, Layer::Luks, Layer::Nvme, Layer::WriteCache, Layer::Cache, Layer::Storage];

impl Layer {
    /// LINSTOR's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drbd => "DRBD",
            Self::Luks => "LUKS",
            Self::Nvme => "NVME",
            Self::WriteCache => "WRITECACHE",
            Self::Cache => "CACHE",
            Self::Storage => "STORAGE",
        }
    }

    /// What may stand under it.
    fn may_stand_on(self, below: Self) -> bool {
        match self {
            Self::Drbd => below != Self::Drbd,
            Self::Luks => below == Self::Storage,
            Self::Nvme => !matches!(below, Self::Drbd | Self::Nvme),
            Self::WriteCache => !matches!(below, Self::Drbd | Self::WriteCache),
            Self::Cache => !matches!(below, Self::Drbd | Self::Cache),
            Self::Storage => false,
        }
    }

    /// Parses layers, top first, whatever their order.
    pub fn parse(names: &[String]) -> Result<Vec<Self>, Fault> {
        let parse = |name: &String| {
            let found = ALL.into_iter().find(|layer| layer.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| Fault::new(code::INVALID_LAYER, format!("Given layer kind '{name}' is invalid")))
        };
        names.iter().map(parse).collect()
    }

    /// Parses a stack, top first, that LINSTOR would build: each layer once, in an order that goes, storage last.
    pub fn stack(names: &[String]) -> Result<Vec<Self>, Fault> {
        let layers = Self::parse(names)?;
        let once = layers.iter().enumerate().all(|(at, layer)| !layers[..at].contains(layer));
        let goes = layers.windows(2).all(|pair| pair[0].may_stand_on(pair[1]));
        if layers.last() == Some(&Self::Storage) && once && goes {
            return Ok(layers);
        }
        let names: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
        let message = format!("The layer stack [{}] is invalid", names.join(", "));
        Err(Fault::new(code::INVALID_LAYER_STACK, message).reported())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(names: &str) -> Result<Vec<Layer>, u16> {
        let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
        Layer::stack(&names).map_err(|fault| fault.code)
    }

    #[test]
    fn stacks_that_linstor_builds_are_taken() {
        for good in
            ["storage", "drbd storage", "luks storage", "DRBD LUKS STORAGE", "drbd cache writecache luks storage"]
        {
            assert!(stack(good).is_ok(), "{good}");
        }
        assert_eq!(stack("drbd luks storage"), Ok(vec![Layer::Drbd, Layer::Luks, Layer::Storage]));
    }

    #[test]
    fn others_are_refused() {
        for bad in ["drbd", "luks drbd storage", "storage drbd", "drbd drbd storage", "luks cache storage"] {
            assert_eq!(stack(bad), Err(code::INVALID_LAYER_STACK), "{bad}");
        }
        assert_eq!(stack("drbd raid storage"), Err(code::INVALID_LAYER));
    }
}
