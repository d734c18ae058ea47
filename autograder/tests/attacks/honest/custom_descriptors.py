"""Right, with descriptors, metaclasses and other magic that frameworks have.

expect: scale=full scale_backward=full
"""

import abc
import enum


class Mode(enum.Enum):
    FORWARD = enum.auto()
    BACKWARD = enum.auto()


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance.values[self.name]

    def __set__(self, instance, value):
        instance.values[self.name] = value


class Registered(abc.ABCMeta):
    def __new__(mcs, name, bases, namespace, **options):
        return super().__new__(mcs, name, bases, namespace)


class Module(metaclass=Registered, mode=Mode.FORWARD):
    @abc.abstractmethod
    def forward(self, x): ...

    def __call__(self, x):
        return self.forward(x)


class Scale(Module):
    factor = Positive()

    def __init__(self, factor):
        self.values = {}
        self.factor = factor

    def forward(self, x):
        return x * self.factor

    def __getattr__(self, name):
        raise AttributeError(name)


def scale(x, factor):
    return Scale(factor)(x)


def scale_backward(dout, factor):
    return Scale(factor)(dout) if Mode.BACKWARD.value == 2 else None
