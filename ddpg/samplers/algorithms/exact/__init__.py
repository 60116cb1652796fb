"""The posterior itself, where it is a closed form: what samplers are measured against."""
