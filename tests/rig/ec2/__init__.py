"""EC2 on loopback whose instances are real Linux hosts: moto answers, this package adds what moto lacks. See ../README.md."""
