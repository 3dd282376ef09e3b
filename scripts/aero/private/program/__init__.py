"""What a model computes under encryption, known and checked in the clear before it runs."""
