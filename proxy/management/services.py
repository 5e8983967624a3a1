"""The parts of the management API, as views find them."""

from dataclasses import dataclass

from proxy.management.context import Management
from proxy.management.key_views import KeyViews
from proxy.management.keys import Keys
from proxy.management.limited import LimitedRows, Organizations
from proxy.management.members import Members
from proxy.management.teams import Teams
from proxy.management.users import Users


@dataclass(frozen=True)
class AccountServices:
    """One per application."""

    management: Management
    keys: Keys
    key_views: KeyViews
    members: Members
    teams: Teams
    users: Users
    budgets: LimitedRows
    customers: LimitedRows
    tags: LimitedRows
    organizations: Organizations


def build_services(management: Management) -> AccountServices:
    keys, members = Keys(management), Members(management)
    return AccountServices(
        management=management,
        keys=keys,
        key_views=KeyViews(management),
        members=members,
        teams=Teams(management, members),
        users=Users(management, keys, members),
        budgets=LimitedRows(management, "budgets", "budget_id", "budget"),
        customers=LimitedRows(management, "customers", "user_id", "customer"),
        tags=LimitedRows(management, "tags", "name", "tag"),
        organizations=Organizations(management),
    )
