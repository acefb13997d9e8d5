//! Object stores: S3 and what speaks its protocol, Azure Blob Storage, Google Cloud Storage.
//!
//! What is done is asynchronous, who asks for it waits: readers and writers of media are threads of
//! their own. Credentials, addresses and regions come from the environment, in the variables that the
//! `object_store` crate knows. Errors name the object and what the store answered, never a URL or a
//! header of a request.

mod connect;
mod failure;
mod read;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Handle;

pub use read::ObjectFile;
pub use write::Upload;

use self::connect::Connector;
use self::read::Blocks;
use super::location::{ObjectName, Provider};

/// How often a request is tried again, with pauses that double from a tenth of a second.
const RETRIES: usize = 5;
/// No request is tried again after this.
const RETRY_FOR: Duration = Duration::from_secs(60);

/// What a store has to know.
trait Bucket: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Bucket for T {}

/// The object stores that are used, each bucket with connections of its own.
pub struct Cloud {
    runtime: Handle,
    buckets: Mutex<HashMap<(Provider, String), Arc<dyn Bucket>>>,
    blocks: Blocks,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").finish_non_exhaustive()
    }
}

impl Cloud {
    /// Connects to nothing yet. The runtime does the work while others wait for it: it needs threads
    /// of its own.
    pub fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self { runtime, buckets: Mutex::default(), blocks: Blocks::default() })
    }

    /// Looks at an object, to read it.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`, `TimedOut`, or another failure of the store.
    pub fn open(self: &Arc<Self>, name: &ObjectName) -> io::Result<ObjectFile> {
        let (bucket, path) = (self.bucket(name)?, path(name)?);
        let asked = Arc::clone(&bucket);
        let meta = self.wait(async move { asked.head(&path).await })?;
        Ok(ObjectFile::new(Arc::clone(self), bucket, meta))
    }

    /// Begins to write an object of about `expected` bytes. Until it is finished nothing is seen of it,
    /// and what has the name keeps it.
    ///
    /// # Errors
    /// The environment says too little of the store.
    pub fn create(self: &Arc<Self>, name: &ObjectName, expected: u64) -> io::Result<Upload> {
        let (bucket, path) = (self.bucket(name)?, path(name)?);
        Ok(Upload::new(Arc::clone(self), bucket, (name.provider(), path), expected))
    }

    fn bucket(&self, name: &ObjectName) -> io::Result<Arc<dyn Bucket>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.provider(), name.bucket().to_owned());
        if let Some(bucket) = buckets.get(&key) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = connect(name)?;
        buckets.insert(key, Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Waits for a store.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let (done, answer) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody waits any longer when the process ends.
            let _ = done.send(failure::told(work).await);
        });
        answer.recv().unwrap_or_else(|_| Err(io::Error::other("the work was ended")))
    }
}

fn path(name: &ObjectName) -> io::Result<Path> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "the key is not valid");
    Path::parse(name.key()).map_err(invalid)
}

/// A bucket as the environment says how to get at it.
fn connect(name: &ObjectName) -> io::Result<Arc<dyn Bucket>> {
    let backoff = BackoffConfig::default();
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR };
    let bucket = name.bucket();
    let (prefix, built): (_, object_store::Result<Arc<dyn Bucket>>) = match name.provider() {
        Provider::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            ("AWS_", builder.with_http_connector(Connector).build().map(|s3| Arc::new(s3) as _))
        }
        Provider::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            let builder = builder.with_retry(retry).with_http_connector(Connector);
            ("AZURE_", builder.build().map(|azure| Arc::new(azure) as _))
        }
        Provider::Google => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            let builder = builder.with_retry(retry).with_http_connector(Connector);
            ("GOOGLE_", builder.build().map(|google| Arc::new(google) as _))
        }
    };
    // What the library says quotes settings, and among those are credentials.
    built.map_err(|_| {
        let rule =
            format!("the {prefix}... variables of the environment do not say how to connect");
        io::Error::new(io::ErrorKind::InvalidInput, rule)
    })
}
