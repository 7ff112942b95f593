//! Enums of lower rooms as flag values.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::net::IpFamily;
use crate::server::MinTlsVersion;

impl ValueEnum for IpFamily {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::IPv4, Self::IPv6]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl ValueEnum for MinTlsVersion {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::V1_2, Self::V1_3]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }))
    }
}
