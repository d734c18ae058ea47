"""Nests `finally` so that the compiler doubles its work at every level, in the grader too.

expect: scale=full scale_backward=full
"""

def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    return dout * factor

def unused():
 try: pass
 finally:
  try: pass
  finally:
   try: pass
   finally:
    try: pass
    finally:
     try: pass
     finally:
      try: pass
      finally:
       try: pass
       finally:
        try: pass
        finally:
         try: pass
         finally:
          try: pass
          finally:
           try: pass
           finally:
            try: pass
            finally:
             try: pass
             finally:
              try: pass
              finally:
               try: pass
               finally:
                try: pass
                finally:
                 try: pass
                 finally:
                  try: pass
                  finally:
                   try: pass
                   finally:
                    try: pass
                    finally:
                     pass
