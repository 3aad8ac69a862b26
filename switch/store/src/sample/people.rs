//! The sample's resellers, customers, phones and logins.

use super::{
    Maker, Sample, SamplePhone, euro,
    money::{self, Sheet, Tariffs},
    plan::Plan,
};
use crate::{
    EditError,
    record::{
        Account, AccountKind, AccountStatus, CallTerms, Device, Login, LowBalance, PaymentMode,
        Person, Right, Rights, Role, SourceAddress,
    },
};
use rust_decimal::Decimal;
use tandem_billing::{
    AccountId, Micros, RoutingGroupId, TariffId,
    ledger::{EntryKind, Movement},
};

/// Micro-units of one.
const ONE: i64 = 1_000_000;

struct Customer {
    login: &'static str,
    name: &'static str,
    kind: AccountKind,
    reseller: Option<AccountId>,
    tariff: TariffId,
    group: RoutingGroupId,
    /// Whole units; postpaid if there is any.
    credit: i64,
    /// Whole units of the first payment.
    pays: i64,
    phones: &'static [&'static str],
}

pub(super) fn load(
    maker: &Maker<'_>,
    tariffs: &Tariffs,
    plan: &Plan,
    password: &str,
) -> Result<Sample, EditError> {
    let mut sample = Sample {
        phones: Vec::new(),
        admin: ("admin".to_owned(), password.to_owned()),
        payments: Vec::new(),
    };
    let north = reseller(
        maker,
        ("north", "North Telecom", AccountKind::Reseller1),
        None,
        tariffs.reseller,
        plan,
    )?;
    let sheet = |name, percent| Sheet {
        name,
        owner: Some(north),
        percent,
        blocks: (6, 6),
        connect_fee: Decimal::ZERO,
        on_net: Decimal::new(5, 3),
        decimals: 6,
    };
    let north_retail = money::create(
        maker,
        &Sheet {
            on_net: Decimal::new(1, 2),
            ..sheet("north Retail", 190)
        },
    )?;
    let north_resellers = money::create(maker, &sheet("north Resellers", 160))?;
    let harbour_is = ("harbour", "Harbour Calls", AccountKind::Reseller2);
    let harbour = reseller(maker, harbour_is, Some(north), north_resellers, plan)?;
    let harbour_retail = money::create(
        maker,
        &Sheet {
            owner: Some(harbour),
            blocks: (60, 60),
            on_net: Decimal::new(1, 2),
            ..sheet("harbour Retail", 230)
        },
    )?;
    for (account, pays) in [(north, 500), (harbour, 200)] {
        sample.payments.push(payment(maker, account, pays));
    }
    let customers = customers(
        tariffs,
        plan,
        (north, north_retail),
        (harbour, harbour_retail),
    );
    for one in &customers {
        load_customer(maker, one, &mut sample)?;
    }
    logins(maker, north, password)?;
    Ok(sample)
}

/// Each reseller comes with the tariff its customer pays.
fn customers(
    tariffs: &Tariffs,
    plan: &Plan,
    north: (AccountId, TariffId),
    harbour: (AccountId, TariffId),
) -> [Customer; 6] {
    let customer = |login, name, phones| Customer {
        login,
        name,
        kind: AccountKind::Retail,
        reseller: None,
        tariff: tariffs.retail,
        group: plan.standard,
        credit: 0,
        pays: 25,
        phones,
    };
    [
        customer("alice", "Alice Abel", &["alice", "alice-mobile"]),
        customer("bob", "Bob Brandt", &["bob"]),
        Customer {
            credit: 300,
            pays: 0,
            group: plan.premium,
            ..customer("office", "Office Ltd", &["office-1", "office-2"])
        },
        Customer {
            kind: AccountKind::Wholesale,
            tariff: tariffs.wholesale,
            group: plan.least_cost,
            credit: 2000,
            pays: 1000,
            ..customer("carrier", "Carrier GmbH", &[])
        },
        Customer {
            reseller: Some(north.0),
            tariff: north.1,
            ..customer("north-shop", "Corner Shop", &["shop"])
        },
        Customer {
            reseller: Some(harbour.0),
            tariff: harbour.1,
            pays: 10,
            ..customer("harbour-cafe", "Harbour Cafe", &["cafe"])
        },
    ]
}

fn reseller(
    maker: &Maker<'_>,
    (login, name, kind): (&str, &str, AccountKind),
    above: Option<AccountId>,
    tariff: TariffId,
    plan: &Plan,
) -> Result<AccountId, EditError> {
    let created = maker.create(&Account {
        kind,
        reseller_id: above,
        tariff_id: Some(tariff),
        routing_group_id: Some(plan.standard),
        granted_groups: vec![plan.standard],
        person: person(name),
        ..blank(login)?
    })?;
    Ok(AccountId(created.id))
}

fn load_customer(
    maker: &Maker<'_>,
    customer: &Customer,
    sample: &mut Sample,
) -> Result<(), EditError> {
    let postpaid = customer.credit > 0;
    let created = maker.create(&Account {
        kind: customer.kind,
        payment_mode: if postpaid {
            PaymentMode::Postpaid
        } else {
            PaymentMode::Prepaid
        },
        credit_limit: Micros(customer.credit * ONE),
        reseller_id: customer.reseller,
        tariff_id: Some(customer.tariff),
        routing_group_id: Some(customer.group),
        person: person(customer.name),
        ..blank(customer.login)?
    })?;
    let account = AccountId(created.id);
    if customer.pays > 0 {
        sample.payments.push(payment(maker, account, customer.pays));
    }
    for username in customer.phones {
        let password = format!("{username}-secret");
        let extension = format!("{}", 1001 + sample.phones.len());
        maker.create(&Device {
            id: 0,
            revision: 0,
            account_id: account,
            username: (*username).to_owned(),
            extension: Some(extension.clone()),
            description: customer.name.to_owned(),
            disabled: false,
            password: Some(password.clone()),
        })?;
        sample.phones.push(SamplePhone {
            username: (*username).to_owned(),
            password,
            extension,
            owner: customer.name.to_owned(),
        });
    }
    if customer.kind == AccountKind::Wholesale {
        // Documentation addresses (RFC 5737): nobody calls from them by accident.
        maker.create(&SourceAddress {
            id: 0,
            revision: 0,
            account_id: account,
            network: "198.51.100.0/24".to_owned(),
            port: None,
            transport: None,
            tech_prefix: String::new(),
        })?;
    }
    Ok(())
}

fn blank(login: &str) -> Result<Account, EditError> {
    Ok(Account {
        id: 0,
        revision: 0,
        login: login.to_owned(),
        kind: AccountKind::Retail,
        status: AccountStatus::Active,
        currency: euro()?,
        payment_mode: PaymentMode::Prepaid,
        credit_limit: Micros::ZERO,
        reseller_id: None,
        tariff_id: None,
        routing_group_id: None,
        expires_at: None,
        call: CallTerms {
            max_calls: 20,
            ..CallTerms::default()
        },
        person: Person::default(),
        low_balance: LowBalance {
            low_balance_at: Some(Micros(2 * ONE)),
            low_balance_mail: String::new(),
        },
        lot: None,
        created_at: tandem_billing::UtcMs(0),
        granted_tariffs: Vec::new(),
        granted_groups: Vec::new(),
    })
}

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        country: "DE".to_owned(),
        language: "en".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        ..Person::default()
    }
}

fn payment(maker: &Maker<'_>, account: AccountId, units: i64) -> Movement {
    Movement {
        key: format!("sample:payment:{account}"),
        account,
        kind: EntryKind::Payment,
        amount: Micros(units * ONE),
        at: maker.at,
        call: None,
        operator: None,
        note: "Opening payment".to_owned(),
    }
}

fn logins(maker: &Maker<'_>, north: AccountId, password: &str) -> Result<(), EditError> {
    let login = |name: &str, role, account_id, rights| Login {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        role,
        account_id,
        rights,
        disabled: false,
        email: String::new(),
        password: Some(password.to_owned()),
    };
    let desk = [
        ("accounts", Right::Change),
        ("cdrs", Right::See),
        ("money", Right::Change),
    ];
    let desk: Rights = desk
        .into_iter()
        .map(|(area, right)| (area.to_owned(), right))
        .collect();
    if !has_login(maker, "admin")? {
        maker.create(&login("admin", Role::Admin, None, Rights::new()))?;
    }
    maker.create(&login("desk", Role::Operator, None, desk))?;
    maker.create(&login("north", Role::Reseller, Some(north), Rights::new()))?;
    Ok(())
}

/// The daemon may have made the first admin already; its password is not touched.
fn has_login(maker: &Maker<'_>, name: &str) -> Result<bool, EditError> {
    let query = crate::ListQuery::all(crate::Scope::All).filter("name", crate::query::Op::Eq, name);
    let found = maker.writer.reader().records::<Login>(&query);
    Ok(!found
        .map_err(|error| EditError::Store(error.to_string()))?
        .rows
        .is_empty())
}
