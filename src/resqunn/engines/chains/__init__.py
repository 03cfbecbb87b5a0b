"""Circuits of chains of CNOTs, contracted qubit by qubit, compiled."""
