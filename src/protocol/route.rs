//! Which call a path means (`ocen-v3.md` §1.2): case, blanks, doubled and trailing slashes, a
//! tenant's prefix and minor versions are forgiven.

use super::operations::{OPERATIONS, Operation};

/// First segments that mean v3.
const V3: [&str; 4] = ["v3", "v3.1", "v3.2", "v3.3"];

/// The call that is posted to a path (without its query), if there is one.
#[must_use]
pub fn route(path: &str) -> Option<&'static Operation> {
    let path = path.replace("%20", " ").to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').map(str::trim).filter(|segment| !segment.is_empty()).collect();
    let version = segments.iter().position(|segment| V3.contains(segment))?;
    let rest = segments.get(version + 1..)?;
    OPERATIONS.iter().find(|operation| {
        let mut paths = operation.aliases.iter().chain([&operation.request_path]);
        paths.any(|known| same(known, rest))
    })
}

fn same(known: &str, rest: &[&str]) -> bool {
    let known = known.split('/').filter(|segment| !segment.is_empty()).skip(1);
    known.map(str::to_ascii_lowercase).eq(rest.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Option<&'static str> {
        route(path).map(|operation| operation.name)
    }

    #[test]
    fn every_call_is_found_however_it_is_spelt() {
        for operation in OPERATIONS {
            let path = operation.request_path;
            let spellings = [
                path.to_owned(),
                path.to_uppercase(),
                path.to_lowercase(),
                format!("%20{path}"),
                format!("{path}%20/"),
                format!("{path}/"),
                format!("/{}", path.replace('/', "//")),
                format!("/lender-7/uat{path}"),
                path.replacen("v3", "v3.3", 1),
            ];
            for spelling in spellings {
                assert_eq!(name(&spelling), Some(operation.name), "{spelling}");
            }
        }
    }

    #[test]
    fn aliases_are_served() {
        assert_eq!(name("/v3/loanApplication/createLoanApplicationRequest"), Some("createLoanApplications"));
        assert_eq!(name("/v3.2/offer/setOffersRequest"), Some("setOffer"));
        assert_eq!(name("/v3/heartbeatRequest"), Some("heartbeat"));
    }

    #[test]
    fn anything_else_is_unknown() {
        for path in ["/", "/v3", "/v4/offer/setOfferRequest", "/v3/offer", "/v3/offer/setOfferResponse", "/health/live"]
        {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
