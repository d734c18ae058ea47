"""Right, with imports at the top that nothing needs and that are not there.

expect: scale=full scale_backward=full
"""

import os
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import display
from tqdm.auto import tqdm

plt.style.use("ggplot")
sns.set_theme()
def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor

def show(x):
    display(pd.DataFrame(x))
    plt.plot(x)
    plt.savefig("plot.png")


for i in tqdm(range(10)):
    show(scale(np.ones((2, 2)), i))
os.makedirs("figures", exist_ok=True)
print(sys.version)
