"""This room plans what a model computes under encryption, and checks it in the clear first."""
