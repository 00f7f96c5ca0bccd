"""Answer requests and make calls as the user agent: registrations, subscriptions, bans."""
