//! Certificates made on the spot: an authority, and what it issues, as files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ocen_lender::clock::Ids;
use ocen_lender::config::{Asked, ClientTls, ListenerTls};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber,
};

/// A folder that goes with its test.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ocen-{}", Ids.uuid().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file, in one step for whoever reads it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, fresh) = (self.0.join(name), self.0.join(format!("{name}.new")));
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
        path
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A certificate authority.
pub struct Authority {
    /// Its own certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Issued {
    /// PEM of the certificate.
    pub cert: String,
    /// PEM of its key.
    pub key: String,
    /// The certificate.
    pub der: Vec<u8>,
    /// Its number.
    serial: SerialNumber,
}

impl Authority {
    /// One that nobody knew before.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("Test CA {}", Ids.uuid().simple()));
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for a name or address.
    pub fn issue(&self, name: &str) -> Issued {
        self.issue_until(name, 4096)
    }

    /// The same, good until the first day of a year.
    pub fn issue_until(&self, name: &str, year: i32) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.distinguished_name.push(DnType::CommonName, name);
        let serial = SerialNumber::from(Ids.uuid().as_bytes().to_vec());
        params.serial_number = Some(serial.clone());
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Issued { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec(), serial }
    }

    /// The list of what it has revoked, to be replaced by the first day of a year.
    pub fn revoke(&self, revoked: &[&Issued], year: i32) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A listener for 127.0.0.1 that asks for certificates of `clients`.
pub fn listener(folder: &Folder, server: &Authority, clients: Option<&Authority>, asked: Asked) -> ListenerTls {
    let issued = server.issue("127.0.0.1");
    ListenerTls {
        cert_file: folder.write("server.pem", &issued.cert),
        key_file: folder.write("server.key", &issued.key),
        client_ca_file: clients.map(|authority| folder.write("clients.pem", &authority.pem)),
        client_crl_file: None,
        client_certificates: clients.map(|_| asked),
    }
}

/// What a client of ours needs to know and to show.
pub fn client_tls(folder: &Folder, server: &Authority, shown: Option<&Issued>) -> ClientTls {
    ClientTls {
        ca_file: Some(folder.write("ca.pem", &server.pem)),
        cert_file: shown.map(|issued| folder.write("client.pem", &issued.cert)),
        key_file: shown.map(|issued| folder.write("client.key", &issued.key)),
    }
}

/// An HTTP client that trusts one authority and shows a certificate, or none.
pub fn http(server: &Authority, shown: Option<&Issued>) -> reqwest::Client {
    let trusted = reqwest::Certificate::from_pem(server.pem.as_bytes()).unwrap();
    let builder = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        // Each request shakes hands anew, so that each meets the certificates of its time.
        .pool_max_idle_per_host(0);
    let builder = match shown {
        Some(issued) => {
            let pem = format!("{}{}", issued.cert, issued.key);
            builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap())
        }
        None => builder,
    };
    builder.build().unwrap()
}
