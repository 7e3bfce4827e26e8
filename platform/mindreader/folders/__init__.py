"""Folders whose photos are a collection and stay where they lie: nothing is ever written, moved or deleted there."""
