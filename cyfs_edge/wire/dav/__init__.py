"""WebDAV as it goes over the wire (RFC 4918): paths, headers, XML bodies in, multistatus out."""
