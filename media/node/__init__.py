"""The media side of the process: the packet plane with its sockets, its routers, and the choice of a packet thread."""
