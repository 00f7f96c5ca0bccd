"""The values that all other folders of `conference` use. This folder imports nothing else of `conference`."""
