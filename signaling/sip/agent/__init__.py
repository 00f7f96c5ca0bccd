"""The user agent, which answers requests and makes calls: registrations, subscriptions, bans."""
