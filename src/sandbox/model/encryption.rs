//! LINSTOR's master passphrase. It protects nothing here: no byte is encrypted. What is true is when LINSTOR refuses.

use super::Cluster;
use super::fault::{Fault, code};
use super::identity;
use super::layer::Layer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The master passphrase: whether there is one, and whether it was entered since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    lock: Option<Lock>,
    #[serde(skip)]
    is_open: bool,
}

/// A passphrase, not in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    salt: String,
    hash: Vec<u8>,
}

impl Lock {
    fn new(passphrase: &str) -> Self {
        let salt = identity::secret();
        Self { hash: digest(&salt, passphrase), salt }
    }

    fn fits(&self, passphrase: &str) -> bool {
        digest(&self.salt, passphrase) == self.hash
    }
}

fn digest(salt: &str, passphrase: &str) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(passphrase).finalize().to_vec()
}

impl Encryption {
    /// LINSTOR's word for it: `unset`, `locked` or `unlocked`.
    pub fn status(&self) -> &'static str {
        match (&self.lock, self.is_open) {
            (None, _) => "unset",
            (Some(_), false) => "locked",
            (Some(_), true) => "unlocked",
        }
    }

    /// Sets the first passphrase, which is entered with that.
    pub fn create(&mut self, passphrase: &str) -> Result<(), Fault> {
        if self.lock.is_some() {
            return Err(Fault::new(code::PASSPHRASE_EXISTS, "There is a master passphrase already")
                .because("A passphrase was already defined")
                .advise("Modify the passphrase instead"));
        }
        (self.lock, self.is_open) = (Some(Lock::new(passphrase)), true);
        Ok(())
    }

    /// Changes the passphrase. What was locked stays locked.
    pub fn modify(&mut self, old: &str, new: &str) -> Result<(), Fault> {
        match &self.lock {
            None => Err(Fault::new(code::PASSPHRASE_EXISTS, "There is no master passphrase to modify")
                .because("No passphrase was defined yet")
                .advise("Create a passphrase first")),
            Some(lock) if !lock.fits(old) => Err(wrong("The old master passphrase is not that")),
            Some(_) => {
                self.lock = Some(Lock::new(new));
                Ok(())
            }
        }
    }

    /// Unlocks with the passphrase.
    pub fn enter(&mut self, passphrase: &str) -> Result<(), Fault> {
        if !self.lock.as_ref().is_some_and(|lock| lock.fits(passphrase)) {
            return Err(wrong("The master passphrase is not that"));
        }
        self.is_open = true;
        Ok(())
    }

    /// Forgets that the passphrase was entered, as a restart of the controller does.
    pub fn close(&mut self) {
        self.is_open = false;
    }
}

fn wrong(message: &str) -> Fault {
    Fault::new(code::MISSING_PROPERTIES, message).because("Wrong passphrase").advise("Enter the correct passphrase")
}

impl Cluster {
    /// Refuses new volumes under LUKS while the master key is not at hand.
    pub fn check_master_key(&self, layers: &[Layer]) -> Result<(), Fault> {
        if !layers.contains(&Layer::Luks) || self.encryption.is_open {
            return Ok(());
        }
        Err(Fault::new(code::NO_MASTER_KEY, "An encrypted volume can't be created without the master key")
            .because("The masterkey was not initialized yet")
            .advise("Create or enter the master passphrase")
            .reported())
    }
}
